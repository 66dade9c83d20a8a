(atx_heading) @def.heading
(setext_heading) @def.heading
