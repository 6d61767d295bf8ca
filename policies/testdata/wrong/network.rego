package modgate.site

update := {"action": "deny"} if http.send({"method": "GET", "url": "http://change/freeze"}).status_code == 200
