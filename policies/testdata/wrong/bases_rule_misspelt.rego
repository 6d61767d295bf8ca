package modgate.site

request := object.union(data.modgate.base.reqest, {"wait_s": 3})
