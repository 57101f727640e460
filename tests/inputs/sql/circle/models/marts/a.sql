SELECT * FROM {{ ref('b') }}
