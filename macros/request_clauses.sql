{#
    A lower-cased text as a list of clauses, so that the intent of each can be determined: split after the
    marks that end a sentence, at line breaks and before words that begin another request. Code in fences,
    addresses and text in brackets contain no request.
#}
{% macro request_clauses(text) -%}
    {%- set bare = regex_replace_all(text, "'(?s)```.*?(```|$)|https?://[^\\s<>)\"]+"
        ~ "|\\s\\([^()\n]{0,300}\\)'", "' '") -%}
    {%- set ended = regex_replace_all(bare, "'([.!?\\x3b:])(\\s+|$)|([。！？；，、：])'", "'\\1\\3\n'") -%}
    {%- set parted = regex_replace_all(ended, "',?\\s+((?:but|and then|then|so please|and please|please"
        ~ "|otherwise|instead|afterwards|after that|so lets|so let.s|and lets|and let.s|(?:so |and |maybe "
        ~ "|i think )(?:we|you) (?:should|need to|must|have to))\\s)|,\\s+|\\s+(and (?:start|begin|implement"
        ~ "|fix|explain|describe|commit|push|add|create|update|move|rename|refactor|rewrite|plan|write|make"
        ~ "|apply|document|propose|suggest|review|verify|remove|delete|replace|convert|run|do"
        ~ "|perform) (?:the|an?|it|this|that|these|those|them|your|our|my|me|us|all|every|any|how|what|why"
        ~ "|where|which|implement\\w*|coding|working|tests?)\\b)'", "'\n\\1\\2'") -%}
    {#- Empty lines would count among the first clauses. -#}
    {%- set parted = regex_replace_all(parted, "'\\s*\n\\s*'", "'\n'") -%}
    string_split({{ parted }}, chr(10))
{%- endmacro %}

{#
    A clause from its first significant word: without bullets, numbers, greetings, politeness and “can you”,
    so that a rule finds the verb at the beginning.
#}
{% macro without_lead_in(clause) -%}
    {%- set words = "ok|okay|okey|yes|yeah|yep|yup|sure|great|good|perfect|cool|nice|fine|alright|all right"
        ~ "|awesome|excellent|now|then|so|"
        ~ "and|but|also|or|hey|hi|hello|hmm+|hm|ah|oh|well|claude|thanks|thank you|please|pls|plz|kindly"
        ~ "|just|first|firstly|second|next|finally|"
        ~ "lastly|afterwards|otherwise|quickly|directly|actually|again|maybe|perhaps|simply|only"
        ~ "|alternatively|instead|"
        ~ "can you|could you|would you|will you|can we|could we|may i ask you to|you (?:can|should|could"
        ~ "|need to|must|have to|may|might want to)|"
        ~ "are you able to|use (?:(?:the|an?|your|some) )?(?:[^ ]+ ){1,2}(?:mcp|skill|tool|cli|agents?"
        ~ "|subagents?) to|"
        ~ "we (?:should|need to|must|have to|want to|will|shall|also need to)|"
        ~ "(?:i|we) (?:want|need|would like|'d like|would love|'d love|wish)(?: (?:you|us|claude))? to"
        ~ "|i'?d like(?: you)? to|let'?s|lets|let us|let me|"
        ~ "go ahead and|(?:go|find|read|check|locate) and(?: then)?|come and|help me(?: to)?|help us|help to"
        ~ "|help|try to|try and|make sure (?:to|you|we)|be sure to|start by|"
        ~ "begin by|remember to|don'?t forget to|feel free to|you'll (?:want|need) to|want you to"
        ~ "|your task is to|the task is to|"
        ~ "(?:have|let|ask|tell)(?: (?:an?|the|one|two|another|your|some|more|of"
        ~ "|my))+ (?:\\w+[ -])?(?:sub)?agents?(?: to)?|is it possible to|would it be possible to|do you mind"
        ~ "|mind|continue to|continue by|we(?: are|'re) going to|(?:i'?d|i would|we'?d"
        ~ "|we would) like (?:your|some) help (?:with|in|to)|(?:i|we) (?:want|need) (?:your"
        ~ "|some) help (?:with|in|to)|help (?:me|us) with|"
        ~ "i (?:think|guess|believe|suppose) (?:that )?(?:we|you) (?:should|need to|must|have to|could)|"
        ~ "it works|works|merge approved|looks good|never mind|no worries|bitte|mal|nun|jetzt|dann|und"
        ~ "|s'il te plaît|por favor|请|請" -%}
    {%- set numbers = "(?:task|step|phase|part|item|todo|feature|ticket|issue|story|milestone|stage|wave"
        ~ "|agent|batch|round|node|group|section) ?#?[0-9a-z]{0,2}[0-9](?:[./-][0-9a-z]+)*(?: of "
        ~ "\\d+)?\\s*[:.)–—-]*" -%}
    {{ regex_replace_all(
        clause,
        "'^(?:[\\s\"''`*#(•·–—,.!-]|\\[[ x]?\\]\\s|\\d+[.)]\\s|[a-z][.)]\\s|"
        ~ numbers | replace("'", "''") ~ "|(?:" ~ words | replace("'", "''") ~ ")(?:[\\s,.!:–—-]+|$))*'",
        "''"
    ) }}
{%- endmacro %}
