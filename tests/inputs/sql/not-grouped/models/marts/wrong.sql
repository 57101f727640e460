SELECT id, count(*) AS n FROM {{ ref('items') }} GROUP BY name
