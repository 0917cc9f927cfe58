-- needs: store, jobs
-- Let jobs go on that wait for keys or flows and that nobody holds back. ARGV: 2 JSON of the keys, 3 of the flows.
for _, key in ipairs(cjson.decode(ARGV[2])) do
  Keys.look(key)
end
for _, flow in ipairs(cjson.decode(ARGV[3])) do
  Flows.note(flow)
end
Jobs.settle()
Wake.say('worker')
Wake.say('scheduler')
return 1
