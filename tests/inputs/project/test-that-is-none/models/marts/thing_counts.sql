SELECT id FROM {{ ref('items') }}
