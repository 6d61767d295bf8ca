package modgate.site

request := {"action": "delay", "mode": "reply"} if rand.intn("parked", 10) < 3
