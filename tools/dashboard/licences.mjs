// Writes the licences of everything that is in the bundle beside it: node licences.mjs META OUT
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

const [meta, out] = process.argv.slice(2);
const names = new Set();
for (const file of Object.keys(JSON.parse(readFileSync(meta, "utf8")).inputs)) {
  const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file);
  if (found) names.add(found[1]);
}
const parts = [...names].sort().map((name) => {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const text = file ? readFileSync(`${folder}/${file}`, "utf8").trim() : `${license} (the package has no file with its text)`;
  return `${name} ${version}\n\n${text}\n`;
});
writeFileSync(out, `Packages in plot.js and their licences.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`);
