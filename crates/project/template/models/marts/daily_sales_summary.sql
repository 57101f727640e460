{{ config(materialized='incremental', unique_key='date', by_day='date') }}
-- Two steps: one row a customer and day, then one row a day. Distinct customers are counted within a
-- month of memory, since the lake is laid out by month.
WITH customer_days AS (
    SELECT
        year,
        month,
        day,
        customer_id,
        count(*) AS transactions,
        sum(amount) AS revenue
    FROM {{ source('shop', 'sales') }}
    {% if is_incremental() %}WHERE {{ changed('year', 'month', 'day') }}{% endif %}
    GROUP BY year, month, day, customer_id
)

SELECT
    make_date(year, month, day) AS date,
    sum(transactions) AS transaction_count,
    sum(revenue) AS total_revenue,
    average(sum(revenue), sum(transactions)) AS avg_order_value,
    count(customer_id) AS unique_customers
FROM customer_days
GROUP BY year, month, day
ORDER BY date
