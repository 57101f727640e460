{{ config(materialized='incremental', unique_key='customer_id') }}
-- Grouped before the join: sales outnumber customers.
WITH customer_sales AS (
    SELECT
        customer_id,
        count(*) AS total_orders,
        sum(amount) AS lifetime_value,
        min(transaction_date) AS first_order,
        max(transaction_date) AS last_order
    FROM {{ source('shop', 'sales') }}
    GROUP BY customer_id
)

SELECT
    customers.customer_id,
    customers.name,
    customer_sales.total_orders,
    customer_sales.lifetime_value,
    customer_sales.first_order,
    customer_sales.last_order
FROM customer_sales
INNER JOIN {{ source('shop', 'customers') }} AS customers ON customer_sales.customer_id = customers.customer_id
