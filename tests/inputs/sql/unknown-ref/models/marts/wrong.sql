SELECT 1 AS n
FROM {{ ref('itms') }}
