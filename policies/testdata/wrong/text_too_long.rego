package modgate.site

absence := {"action": "delay", "detail": concat(" ", [input.target.note | some _ in numbers.range(1, 300)])}
