{{ config(materialized='view') }}
WITH period AS (
    SELECT
        min(date) AS first_day,
        max(date) AS last_day,
        24 * {{ days_between("DATE '1970-01-01'", 'min(date)') }} - 24 AS first_hour,
        24 * {{ days_between('min(date)', 'max(date)') }} + 72 AS hours
    FROM {{ ref('daily_sales_summary') }}
),

digits AS (
    SELECT n
    FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS digit (n)
),

numbers AS (
    SELECT
        units.n + 10 * tens.n + 100 * hundreds.n + 1000 * thousands.n + 10000 * myriads.n + 100000 * lakhs.n AS n
    FROM digits AS units
    CROSS JOIN digits AS tens
    CROSS JOIN digits AS hundreds
    CROSS JOIN digits AS thousands
    CROSS JOIN digits AS myriads
    CROSS JOIN digits AS lakhs
),

-- Each hour from the first day with a sale to the last, as it began: a day of 25 hours has one of them twice, a day
-- of 23 lacks one.
moments AS (
    SELECT
        {{ moment_at('3600 * (period.first_hour + numbers.n)') }} AS began,
        period.first_day,
        period.last_day
    FROM numbers
    INNER JOIN period ON numbers.n < period.hours
),

hours AS (
    SELECT
        {{ iso_weekday('began') }} AS day_of_week,
        {{ local_hour('began') }} AS hour,
        count(*) AS hours
    FROM moments
    WHERE {{ local_date('began') }} BETWEEN first_day AND last_day
    GROUP BY 1, 2
)

SELECT
    hours.day_of_week,
    hours.hour,
    hours.hours,
    coalesce(sales.transaction_count, 0) AS transaction_count,
    coalesce(sales.revenue, 0) AS revenue,
    {{ average('coalesce(sales.transaction_count, 0)', 'hours.hours') }} AS avg_transaction_count,
    {{ average('coalesce(sales.revenue, 0)', 'hours.hours') }} AS avg_revenue
FROM hours
LEFT JOIN {{ ref('sales_by_hour') }} AS sales ON hours.day_of_week = sales.day_of_week AND hours.hour = sales.hour
