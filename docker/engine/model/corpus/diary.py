"""Everyday text that is no story: pages from a rig keeper's log, descriptions of a place and of a day."""

import random

from grammar import expand

LOG = [
    "{Morning|Early morning|Six o'clock in the morning}: {all fans are turning|every card is up|the rig is warm and steady}.",
    "The price of {power|electricity} {fell|went down} {in the night|after midnight}, so {all the cards went mining|the rig mined until dawn}.",
    "{At noon|In the afternoon}, {a customer|someone} {asked the model a question|sent a long text}, and one card {stopped mining|changed its work} for {a moment|a little while}.",
    "{The {first|second|third|last} card|One of the cards} {ran hot|was louder than usual}, so {I cleaned its fan|I lowered its power limit}.",
    "{The pool|Our pool} {was slow|did not answer} for {a minute|some time}; the {rig|agent} {changed to another one|waited and tried again}.",
    "{It is {hot|cold|windy|wet|quiet} {today|outside}|The day is {grey|bright|stormy|mild}}, and {the room is {warm|loud|cool}|the cat sleeps on the rack}.",
    "{Nothing|Nothing at all} {happened|went wrong} {today|this week}, which is {good|the best kind of day}.",
    "{In the evening|At dinner time}, {power became dear|the price went up}, and the {rig|agent} {went to rest|left the cards idle}.",
    "{A share was rejected|One share came too late}, {nothing to worry about|it happens}.",
    "{The ledger|Our ledger} {shows|says} that {answers|questions} {earned more than mining|paid for the power} {today|this week}.",
    "{I changed|We changed} {a cable|a fan|the dust filter}, and {the rig started again|everything came back} {by itself|without trouble}.",
    "{Tonight|Later} {a storm|strong wind} {will come|is expected}, so {power should be cheap|the turbines will be busy}.",
]

ROOMS = [
    "The {workshop|barn|cellar|garage} {stands|lies} {behind the house|at the end of the road|under the old school}.",
    "{Inside|There}, {a row of cards|a tall rack|one small rig} {hums|blinks|works} {day and night|in the dark}.",
    "{Green|Small blue|Red} lights {blink|shine} {on the wall|between the cables|above the door}, and {warm air|a soft wind} {moves through the room|comes from the fans}.",
    "{A window|The only window} {looks|opens} to the {garden|river|hill|street}, where {a cat|an old tree|a turbine} {stands|waits} in the {sun|rain|wind}.",
    "{It smells|The air smells} of {dust and metal|warm plastic|coffee|wet earth}.",
    "{Nobody|Hardly anyone} {comes here|opens the door} {at night|in winter}, and {the machines do not mind|the fans sing for themselves}.",
    "{On the table|Next to the door} {lies|there is} {a screwdriver|a cup of cold tea|an old notebook|a spare fan}.",
]

DAYS = [
    "{In spring|In summer|In autumn|In winter}, the {mornings|days|nights} are {long|short|soft|cold|bright}.",
    "{The sun|A pale sun} {rises|comes up} {over the hills|behind the trees|above the sea}, and {the birds|the first people} {wake up|begin their day}.",
    "{A wind|A light rain|A thin fog} {comes|moves in} from the {north|sea|west|mountains} and {stays until noon|is gone again soon}.",
    "{People|The neighbours} {walk to work|open their shops|talk about the weather}, and {somewhere|far away} {a dog barks|a train passes|a bell rings}.",
    "{By evening|At the end of the day}, {the sky turns red|lights go on|everything is quiet}.",
    "{It is a good day|It may be a good time} {to read a book|to bake bread|to walk by the river|to stay at home}.",
]


def pages(rng: random.Random) -> str:
    source = rng.choice([LOG, LOG, ROOMS, DAYS])
    if source is LOG:
        chosen = sorted(rng.sample(range(len(source)), rng.randint(2, 6)))
        return " ".join(expand(rng, source[index]) for index in chosen)
    return " ".join(expand(rng, line) for line in source if rng.random() < 0.8) or expand(rng, source[0])
