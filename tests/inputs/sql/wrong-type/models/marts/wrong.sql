SELECT sum(name) AS n FROM {{ ref('items') }}
