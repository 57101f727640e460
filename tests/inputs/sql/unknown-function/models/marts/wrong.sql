SELECT coutn(id) AS n FROM {{ ref('items') }}
