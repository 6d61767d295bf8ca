package modgate.site

request := {"action": "missing"} if input.target.absent_s > "30"
