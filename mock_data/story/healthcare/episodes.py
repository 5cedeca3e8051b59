"""Smaller things that happened in the hospitals, and what was made of them."""

from __future__ import annotations

from mock_data.story.world import Episode

EPISODES = (
    Episode(
        "shelf-counts",
        "stock-room",
        "Shelf counts from before the weekend",
        "A ward ran out of saline although its screen promised forty bags.",
        "Hand scanners kept their counts until somebody put them back into the charger, and two of them had spent the weekend in a coat pocket.",
        "Scanners send each count at once, and the screen at the shelf says when it was last counted.",
        "The ward borrowed saline from its neighbour, and no infusion was late.",
    ),
    Episode(
        "discharge-list",
        "discharge-planner",
        "Discharge list with tasks that were done",
        "Nurses telephoned relatives about transport that had been arranged the day before.",
        "The list was only refreshed when a nurse opened it, and the ward screen had stayed open since the late shift.",
        "The screen asks for the list every two minutes and turns yellow when it gets no answer.",
        "Relatives have not been called twice since.",
    ),
    Episode(
        "robot-door",
        "dispensing-robot",
        "Picking robot stands still behind its door",
        "The picking robot of the north pharmacy stood still for three quarters of an hour.",
        "A sensor reported the door as open, every job after that was kept waiting, and the message about it went to a printer in the basement.",
        "Waiting jobs go to the second robot after two minutes, and the door is shown on the screen of the pharmacists.",
        "The robot has stopped four times since, and nobody had to wait.",
    ),
    Episode(
        "narrow-tubes",
        "sample-tracker",
        "Blood samples wait for a second label",
        "Blood samples from the day clinic reached the analyser two hours late.",
        "The new tubes were narrower, so the label covered its own code and each sample was labelled again by hand.",
        "The clinic went back to the wide tubes until a smaller label had been printed.",
        "Purchasing asks the laboratory before tubes are changed.",
    ),
    Episode(
        "letters-for-signature",
        "document-exchange",
        "Letters wait for a signature",
        "Family doctors asked for discharge letters that had been finished a week before.",
        "Letters of a doctor on leave stayed in a folder for signature, and the deputy could not see that folder.",
        "The folder is shown to the deputy too, and a letter that waits for two days is announced to the secretary.",
        "The longest wait is now a day and a half.",
    ),
)
