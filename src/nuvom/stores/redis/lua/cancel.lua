-- needs: store, jobs, endings
-- Cancel jobs that wait, ask running ones to stop. ARGV[2] is the JSON of their ids. Returns a word for each.
local answers = {}
for number, id in ipairs(cjson.decode(ARGV[2])) do
  local job = Jobs.read(id)
  if not job then
    answers[number] = 'not_found'
  elseif job.state == 'running' then
    Endings.ask(job)
    answers[number] = 'requested'
  elseif job.finished_at then
    answers[number] = 'finished'
  else
    Endings.finish(job, 'cancelled', {})
    answers[number] = 'cancelled'
  end
end
Jobs.settle()
return answers
