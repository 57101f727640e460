SELECT id AS n, name AS n FROM {{ ref('items') }}
