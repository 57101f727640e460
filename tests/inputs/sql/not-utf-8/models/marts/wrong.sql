SELECT 'café' AS n
