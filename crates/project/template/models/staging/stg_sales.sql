{{ config(materialized='view') }}
SELECT
    transaction_id,
    customer_id,
    product_id,
    quantity,
    amount,
    transaction_date AS sold_at,
    make_date(year, month, day) AS sale_date,
    year * 12 + month - 1 AS sale_month
FROM {{ source('shop', 'sales') }}
