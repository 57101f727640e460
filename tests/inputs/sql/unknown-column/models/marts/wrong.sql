SELECT id,
  nam FROM {{ ref('items') }}
