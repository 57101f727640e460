{{ config(materialized='view') }}
WITH groups AS (
    SELECT
        place,
        rfm_group
    FROM (
        VALUES
        (1, 'CHAMPIONS'), (2, 'LOYAL'), (3, 'ACTIVE'), (4, 'NEW'), (5, 'PROMISING'), (6, 'NEEDS_ATTENTION'),
        (7, 'ALMOST_LOST'), (8, 'AT_RISK'), (9, 'PREVIOUSLY_LOYAL'), (10, 'DORMANT'), (11, 'PROSPECTS')
    ) AS names (place, rfm_group)
),

sums AS (
    SELECT
        rfm_group,
        count(*) AS customers,
        sum(total_orders) AS total_orders,
        sum(lifetime_value) AS revenue,
        sum(days_since_last_order) AS days_since_last_order
    FROM {{ ref('customer_rfm') }}
    GROUP BY rfm_group
),

filled AS (
    SELECT
        groups.place,
        groups.rfm_group,
        coalesce(sums.customers, 0) AS customers,
        CAST(coalesce(sums.total_orders, 0) AS bigint) AS total_orders,
        coalesce(sums.revenue, 0) AS revenue,
        CAST(sums.days_since_last_order AS bigint) AS days_since_last_order
    FROM groups
    LEFT JOIN sums ON groups.rfm_group = sums.rfm_group
)

SELECT
    CAST(place AS integer) AS place,
    rfm_group,
    customers,
    {{ average('100 * customers', 'sum(customers) OVER ()') }} AS customers_pct,
    total_orders,
    revenue,
    {{ average('100 * revenue', 'sum(revenue) OVER ()') }} AS revenue_pct,
    {{ average('days_since_last_order', 'customers') }} AS avg_days_since_last_order
FROM filled
