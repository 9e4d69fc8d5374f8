package swaggestschema

var ComponentName = componentName
