{{ set_aside_lines([source('raw_api_responses', 'api_response')]) }}
