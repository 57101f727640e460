SELECT product_id FROM {{ ref('sales') }} JOIN {{ ref('products') }} ON true
