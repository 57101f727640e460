SELECT {{ var('limit') }} AS n
