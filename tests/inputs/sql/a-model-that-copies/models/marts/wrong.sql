COPY (SELECT 1 AS n) TO '/tmp/out.csv'
