{{ config(materialized='view') }}
WITH period AS (
    SELECT
        CAST(max(date) - INTERVAL '{{ var("basket_days", 90) - 1 }}' DAY AS date) AS first_day,
        max(date) AS last_day
    FROM {{ ref('daily_sales_summary') }}
),

-- What a customer buys on one of the shop's days is a basket: sales name no order that would hold them together.
recent AS (
    SELECT
        sales.customer_id,
        sales.sale_date,
        sales.product_id
    FROM {{ ref('stg_sales') }} AS sales
    INNER JOIN period ON sales.sale_date >= period.first_day
    WHERE sales.customer_id IS NOT NULL AND sales.quantity > 0
),

baskets AS (
    SELECT
        customer_id,
        sale_date
    FROM recent
    GROUP BY customer_id, sale_date
    HAVING min(product_id) < max(product_id)
),

items AS (
    SELECT
        recent.customer_id,
        recent.sale_date,
        recent.product_id
    FROM recent
    INNER JOIN baskets ON recent.customer_id = baskets.customer_id AND recent.sale_date = baskets.sale_date
    GROUP BY recent.customer_id, recent.sale_date, recent.product_id
),

product_baskets AS (
    SELECT
        product_id,
        count(*) AS baskets
    FROM items
    GROUP BY product_id
),

pairs AS (
    SELECT
        one.product_id,
        other.product_id AS other_product_id,
        count(*) AS baskets
    FROM items AS one
    INNER JOIN items AS other ON one.customer_id = other.customer_id AND one.sale_date = other.sale_date
    WHERE one.product_id <> other.product_id
    GROUP BY one.product_id, other.product_id
    HAVING count(*) >= {{ var('basket_min_count', 5) }}
),

counted AS (
    SELECT
        pairs.product_id,
        pairs.other_product_id,
        (SELECT count(*) FROM baskets) AS baskets,
        one.baskets AS product_baskets,
        other.baskets AS other_product_baskets,
        pairs.baskets AS both_baskets,
        CAST(pairs.baskets AS double precision) / one.baskets AS share
    FROM pairs
    INNER JOIN product_baskets AS one ON pairs.product_id = one.product_id
    INNER JOIN product_baskets AS other ON pairs.other_product_id = other.product_id
)

-- Wilson's interval for the confidence, z = 1.96: 1.9208 is z²/2, 0.9604 is z²/4, 3.8416 is z².
SELECT
    counted.product_id,
    products.product_name AS name,
    counted.other_product_id,
    other_products.product_name AS other_name,
    counted.baskets,
    counted.product_baskets,
    counted.other_product_baskets,
    counted.both_baskets,
    {{ average('100 * counted.both_baskets', 'counted.baskets') }} AS support_pct,
    {{ average('100 * counted.both_baskets', 'counted.product_baskets') }} AS confidence_pct,
    CAST(round(100 * (counted.both_baskets + 1.9208
        - 1.96 * sqrt(counted.both_baskets * (1 - counted.share) + 0.9604)) / (counted.product_baskets + 3.8416), 4)
        AS decimal(7, 4)) AS confidence_low_pct,
    CAST(round(100 * (counted.both_baskets + 1.9208
        + 1.96 * sqrt(counted.both_baskets * (1 - counted.share) + 0.9604)) / (counted.product_baskets + 3.8416), 4)
        AS decimal(7, 4)) AS confidence_high_pct,
    {{ average('counted.both_baskets * counted.baskets', 'counted.product_baskets * counted.other_product_baskets') }} AS lift
FROM counted
LEFT JOIN {{ ref('stg_products') }} AS products ON counted.product_id = products.product_id
LEFT JOIN {{ ref('stg_products') }} AS other_products ON counted.other_product_id = other_products.product_id
