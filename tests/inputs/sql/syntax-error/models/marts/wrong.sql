SELECT id
FORM {{ ref('items') }}
