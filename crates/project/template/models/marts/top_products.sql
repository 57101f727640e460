{{ config(materialized='table') }}
SELECT
    products.product_id,
    products.name,
    product_sales.order_count,
    product_sales.revenue
FROM {{ ref('int_product_sales') }} AS product_sales
INNER JOIN {{ source('shop', 'products') }} AS products ON product_sales.product_id = products.product_id
ORDER BY product_sales.revenue DESC, products.product_id
LIMIT 10
