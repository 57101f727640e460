SELECT * FROM {{ ref('a') }}
