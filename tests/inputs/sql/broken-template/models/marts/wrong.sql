SELECT 1 AS n
{% if true %}
