// What the dashboard uses of Observable Plot; the rest is left out of the bundle.
export { lineY, plot, rectY, ruleY, stackY } from "@observablehq/plot";
