SELECT cast('abc' AS int) AS n
