{{ config(materialized='view') }}
-- Months are counted through (year * 12 + month - 1), so that they can be subtracted.
WITH activity AS (
    SELECT
        customer_id,
        sale_month
    FROM {{ ref('stg_sales') }}
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id, sale_month
),

firsts AS (
    SELECT
        customer_id,
        min(sale_month) AS cohort
    FROM {{ ref('stg_sales') }}
    WHERE customer_id IS NOT NULL
    GROUP BY customer_id
),

cohorts AS (
    SELECT
        cohort,
        count(*) AS customers
    FROM firsts
    GROUP BY cohort
),

active AS (
    SELECT
        firsts.cohort,
        activity.sale_month - firsts.cohort AS months_since,
        count(*) AS customers
    FROM activity
    INNER JOIN firsts ON activity.customer_id = firsts.customer_id
    GROUP BY 1, 2
),

last_day AS (
    SELECT max(date) AS day
    FROM {{ ref('daily_sales_summary') }}
),

-- The last month with a sale, and the last that is over: the month of the day after the last, less one.
period AS (
    SELECT
        12 * date_part('year', day) + date_part('month', day) - 1 AS last_month,
        12 * date_part('year', CAST(day + INTERVAL '1' DAY AS date))
            + date_part('month', CAST(day + INTERVAL '1' DAY AS date)) - 2 AS last_over
    FROM last_day
),

digits AS (
    SELECT n
    FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS digit (n)
),

-- Every cohort has a cell for every month since the first of all, those to come among them.
cells AS (
    SELECT
        cohorts.cohort,
        cohorts.customers,
        units.n + 10 * tens.n + 100 * hundreds.n AS months_since
    FROM cohorts
    CROSS JOIN digits AS units
    CROSS JOIN digits AS tens
    CROSS JOIN digits AS hundreds
)

SELECT
    make_date(CAST((cells.cohort - cells.cohort % 12) / 12 AS integer), CAST(cells.cohort % 12 + 1 AS integer), 1)
        AS cohort_month,
    CAST(cells.months_since AS integer) AS months_since,
    cells.customers AS cohort_customers,
    CASE WHEN cells.cohort + cells.months_since <= period.last_month THEN coalesce(active.customers, 0) END
        AS active_customers,
    CASE
        WHEN cells.months_since = 0 OR cells.cohort + cells.months_since <= period.last_over
            THEN {{ average('100 * coalesce(active.customers, 0)', 'cells.customers') }}
    END AS retention_pct
FROM cells
CROSS JOIN period
LEFT JOIN active ON cells.cohort = active.cohort AND cells.months_since = active.months_since
WHERE cells.months_since <= period.last_month - (SELECT min(cohort) FROM cohorts)
