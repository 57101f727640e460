{{ config(materialized='view') }}
WITH period AS (
    SELECT max(date) AS as_of
    FROM {{ ref('daily_sales_summary') }}
),

buyers AS (
    SELECT
        customer_id,
        total_orders,
        lifetime_value,
        {{ local_date('last_order') }} AS last_order_date
    FROM {{ ref('customer_lifetime_value') }}
),

ranked AS (
    SELECT
        customer_id,
        CAST(rank() OVER (ORDER BY last_order_date) AS bigint) AS recency_rank,
        CAST(rank() OVER (ORDER BY total_orders) AS bigint) AS frequency_rank,
        CAST(rank() OVER (ORDER BY lifetime_value) AS bigint) AS monetary_rank,
        count(*) OVER () AS customers
    FROM buyers
),

scored AS (
    SELECT
        customer_id,
        {{ fifth('recency_rank', 'customers') }} AS recency_score,
        {{ fifth('frequency_rank', 'customers') }} AS frequency_score,
        {{ fifth('monetary_rank', 'customers') }} AS monetary_score
    FROM ranked
)

-- Halves are avoided: FM = (F + M) / 2 of 4 is F + M of 8.
SELECT
    customers.customer_id,
    customers.customer_name AS name,
    period.as_of,
    buyers.last_order_date,
    {{ days_between('buyers.last_order_date', 'period.as_of') }} AS days_since_last_order,
    coalesce(buyers.total_orders, 0) AS total_orders,
    coalesce(buyers.lifetime_value, 0) AS lifetime_value,
    scored.recency_score,
    scored.frequency_score,
    scored.monetary_score,
    CASE
        WHEN scored.customer_id IS NULL THEN 'PROSPECTS'
        WHEN scored.recency_score = 5 AND scored.frequency_score + scored.monetary_score >= 8 THEN 'CHAMPIONS'
        WHEN scored.recency_score >= 3 AND scored.frequency_score + scored.monetary_score >= 8 THEN 'LOYAL'
        WHEN scored.recency_score >= 4 AND scored.frequency_score + scored.monetary_score >= 5 THEN 'ACTIVE'
        WHEN scored.recency_score = 5 THEN 'NEW'
        WHEN scored.recency_score = 3 AND scored.frequency_score + scored.monetary_score >= 5 THEN 'NEEDS_ATTENTION'
        WHEN scored.recency_score >= 3 THEN 'PROMISING'
        WHEN scored.frequency_score + scored.monetary_score >= 9 THEN 'PREVIOUSLY_LOYAL'
        WHEN scored.frequency_score + scored.monetary_score >= 5 THEN 'AT_RISK'
        WHEN scored.recency_score = 2 THEN 'ALMOST_LOST'
        ELSE 'DORMANT'
    END AS rfm_group
FROM {{ ref('stg_customers') }} AS customers
CROSS JOIN period
LEFT JOIN buyers ON customers.customer_id = buyers.customer_id
LEFT JOIN scored ON customers.customer_id = scored.customer_id
