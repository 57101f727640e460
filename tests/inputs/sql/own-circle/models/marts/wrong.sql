SELECT * FROM {{ ref('wrong') }}
