{{ config(materialized='view') }}
-- Only first days are looked up in the sales: what is not new is the rest of the day.
WITH first_days AS (
    SELECT
        customer_id,
        min(sale_date) AS first_day
    FROM {{ ref('stg_sales') }}
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

new_customers AS (
    SELECT
        first_day,
        count(*) AS customers
    FROM first_days
    GROUP BY first_day
),

new_sales AS (
    SELECT
        sales.sale_date,
        count(*) AS order_count,
        sum(sales.amount) AS revenue
    FROM {{ ref('stg_sales') }} AS sales
    INNER JOIN first_days ON sales.customer_id = first_days.customer_id AND sales.sale_date = first_days.first_day
    GROUP BY sales.sale_date
),

guest_sales AS (
    SELECT
        sale_date,
        count(*) AS order_count,
        sum(amount) AS revenue
    FROM {{ ref('stg_sales') }}
    WHERE customer_id IS NULL
    GROUP BY sale_date
),

days AS (
    SELECT
        daily.date,
        coalesce(new_customers.customers, 0) AS new_customers,
        daily.unique_customers - coalesce(new_customers.customers, 0) AS returning_customers,
        coalesce(new_sales.order_count, 0) AS new_order_count,
        daily.transaction_count - coalesce(new_sales.order_count, 0) - coalesce(guest_sales.order_count, 0)
            AS returning_order_count,
        coalesce(guest_sales.order_count, 0) AS guest_order_count,
        coalesce(new_sales.revenue, 0) AS new_revenue,
        daily.total_revenue - coalesce(new_sales.revenue, 0) - coalesce(guest_sales.revenue, 0) AS returning_revenue,
        coalesce(guest_sales.revenue, 0) AS guest_revenue
    FROM {{ ref('daily_sales_summary') }} AS daily
    LEFT JOIN new_customers ON daily.date = new_customers.first_day
    LEFT JOIN new_sales ON daily.date = new_sales.sale_date
    LEFT JOIN guest_sales ON daily.date = guest_sales.sale_date
)

SELECT
    date,
    new_customers,
    returning_customers,
    {{ average('100 * returning_customers', 'new_customers + returning_customers') }} AS returning_customer_pct,
    new_order_count,
    returning_order_count,
    guest_order_count,
    new_revenue,
    returning_revenue,
    guest_revenue
FROM days
