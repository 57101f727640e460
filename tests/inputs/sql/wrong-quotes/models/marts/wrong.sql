SELECT "Mug" AS n FROM {{ ref('items') }}
