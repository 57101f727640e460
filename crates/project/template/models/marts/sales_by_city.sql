{{ config(materialized='view') }}
-- Grouped before the join: sales outnumber customers.
WITH customer_sales AS (
    SELECT
        customer_id,
        count(*) AS order_count,
        sum(amount) AS revenue
    FROM {{ ref('stg_sales') }}
    GROUP BY customer_id
),

cities AS (
    SELECT
        CASE
            WHEN customer_sales.customer_id IS NULL THEN '(guest)'
            WHEN customers.customer_id IS NULL THEN '(unknown customer)'
            ELSE customers.city
        END AS city,
        count(customer_sales.customer_id) AS customers,
        sum(customer_sales.order_count) AS order_count,
        sum(customer_sales.revenue) AS revenue
    FROM customer_sales
    LEFT JOIN {{ ref('stg_customers') }} AS customers ON customer_sales.customer_id = customers.customer_id
    GROUP BY 1
)

SELECT
    city,
    customers,
    CAST(order_count AS bigint) AS order_count,
    revenue,
    {{ average('100 * revenue', 'sum(revenue) OVER ()') }} AS revenue_pct
FROM cities
