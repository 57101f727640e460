{{ config(materialized='table') }}
SELECT
    CASE WHEN products.product_id IS NULL THEN '(unknown product)' ELSE products.category END AS category,
    sum(product_sales.order_count) AS order_count,
    sum(product_sales.revenue) AS revenue
FROM {{ ref('int_product_sales') }} AS product_sales
LEFT JOIN {{ source('shop', 'products') }} AS products ON product_sales.product_id = products.product_id
GROUP BY 1
ORDER BY revenue DESC, category
