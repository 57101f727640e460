{{ config(materialized='view') }}
SELECT
    product_id,
    name AS product_name,
    category,
    price,
    stock
FROM {{ source('shop', 'products') }}
