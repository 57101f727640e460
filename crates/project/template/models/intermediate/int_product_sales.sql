{{ config(materialized='incremental', unique_key='product_id') }}
-- What the marts about products are made of: they read these rows, not every sale.
SELECT
    product_id,
    count(*) AS order_count,
    sum(amount) AS revenue
FROM {{ source('shop', 'sales') }}
GROUP BY product_id
