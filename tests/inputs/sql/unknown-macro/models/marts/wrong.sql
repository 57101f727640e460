SELECT {{ dollars('x') }} FROM {{ ref('items') }}
