{{ config(materialized='incremental', unique_key='date', by_day='date') }}
-- Grouped by the lake's partitions first, so that distinct customers are held in memory for one month at a time.
SELECT
    make_date(year, month, day) AS date,
    count(*) AS transaction_count,
    sum(amount) AS total_revenue,
    {{ average('sum(amount)', 'count(*)') }} AS avg_order_value,
    count(DISTINCT customer_id) AS unique_customers
FROM {{ source('shop', 'sales') }}
{% if is_incremental() %}WHERE {{ changed('year', 'month', 'day') }}{% endif %}
GROUP BY year, month, day
