package modgate.site

update := {"action": "defer"} if time.clock(time.now_ns())[0] < 20
