{{ config(materialized='incremental', unique_key=['day_of_week', 'hour']) }}
SELECT
    {{ iso_weekday('transaction_date') }} AS day_of_week,
    {{ local_hour('transaction_date') }} AS hour,
    count(*) AS transaction_count,
    sum(amount) AS revenue
FROM {{ source('shop', 'sales') }}
GROUP BY 1, 2
ORDER BY 1, 2
