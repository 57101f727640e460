SELECT * FROM {{ ref('c') }}
