{{ config(materialized='table') }}
WITH product_sales AS (
    SELECT
        product_id,
        count(*) AS order_count,
        sum(amount) AS revenue
    FROM {{ source('shop', 'sales') }}
    GROUP BY product_id
)

SELECT
    products.product_id,
    products.name,
    product_sales.order_count,
    product_sales.revenue
FROM product_sales
INNER JOIN {{ source('shop', 'products') }} AS products ON product_sales.product_id = products.product_id
ORDER BY product_sales.revenue DESC, products.product_id
LIMIT 10
