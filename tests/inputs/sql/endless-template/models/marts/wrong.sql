{% for i in range(100000) %}{% for j in range(100000) %}SELECT 1 AS one UNION ALL {% endfor %}{% endfor %}
