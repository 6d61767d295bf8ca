package modgate.site

import data.modgate.lib

request := {"action": "missing"} if lib.involontary(input.target.reason)
